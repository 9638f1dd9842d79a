__all__ = ['StoreContract', 'Tampering']

class StoreContract(RoundTripRules, OrderRules, IsolationRules, VersionRules, ClaimRules, ReleaseRules, AtomicRules, OnceRules, DocumentRules, PayloadRules, RunRules, EventRules, WaitRules, ChainRules, ReopeningRules, SharingRules, CancellationRules, ClosingRules):
    ...
Tampering: TypeAlias
