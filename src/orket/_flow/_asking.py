"""One exchange with the model: the seam that calls a foreign model client."""

from orket._answers import wrong_reply
from orket._flow._turn import Turn
from orket.contracts import ModelReply, ModelRequest, TurnBrief
from orket.errors import ModelError, ModelReplyError


async def ask_model(turn: Turn) -> ModelReply:
    """Return the recorded reply of this round, or ask the model.

    Raises:
        ModelError: the client could not answer, raised something else, or returned what is no reply.
    """
    if turn.recorded and (reply := turn.recorded.replies.get(turn.rounds)):
        return reply
    try:
        reply = await turn.context.model.complete(_request(turn))
    except ModelError:
        raise
    except (Exception, SystemExit) as error:
        raise ModelError(f"the model client raised {error!r}", model=turn.model) from error
    if wrong := wrong_reply(reply):
        raise ModelReplyError(f"the model client broke its contract: {wrong}", model=turn.model)
    return reply


def _request(turn: Turn) -> ModelRequest:
    context, environment = turn.context, turn.context.environment
    return ModelRequest(
        model=turn.model,
        messages=tuple(turn.messages),
        tools=tuple(turn.offered.values()),
        temperature=environment.temperature,
        seed=environment.seed,
        timeout=environment.timeout,
        params=environment.params,
        brief=TurnBrief(
            run=context.run,
            turn=turn.number,
            round=turn.rounds,
            kind=turn.kind,
            issue=turn.issue,
            seat=turn.seat.id,
            roles=turn.role_names,
            verification=turn.verification,
        ),
    )
