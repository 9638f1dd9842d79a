from orket.review._desk import ReviewDesk
from orket.review._policy import DefaultReviewPolicy
from orket.review._response import Response
from orket.review._window import RateLimit
from orket.review.gitea import GiteaHttpClient

__all__ = ["DefaultReviewPolicy", "GiteaHttpClient", "RateLimit", "Response", "ReviewDesk"]
