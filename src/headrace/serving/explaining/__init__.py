"""Why this, and why not that: the reasons of an answer and of single items.

From Python, an ``Explainer`` answers for any user or session, any recipe and any item, without leaving an impression:

    explained = await explainer.recommend("u1", None, 20, record=False)                     # an answer with its reasons
    explained = await explainer.recommend("u1", "s1", 20, record=False, recipe="revisits")  # by another recipe
    why = await explainer.why("u1", "stove", session_id=None, k=20, recipe="revisits")      # one item: why, or why not

Both return the structs of ``told``, which are also what ``GET /reco?explain=true`` and ``GET /explain`` answer. For a session
without a user, give any user id that has no events. The answer is made by the code that makes every answer; the reasons are
read from its trace afterwards, and from the tables what memory does not keep.
"""

from headrace.serving.explaining.evidence import Evidence
from headrace.serving.explaining.explainer import Explainer
from headrace.serving.explaining.told import Explained, Why

__all__ = ["Evidence", "Explained", "Explainer", "Why"]
