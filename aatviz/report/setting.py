"""What the paper measured, where its numbers stand beside those of another system."""

from aatviz.data.registry import dataset
from aatviz.recipes.published import published
from aatviz.recipes.spec import OF_DETECTORS
from aatviz.store.card import Card


def setting(card: Card) -> str:
    """A paragraph about what the paper measured, where its networks or data were others, and what is measured here; else
    empty."""
    theirs = published(*card.threat).setting
    if not theirs:
        return ""
    known, jobs = dataset(card.dataset), card.recipe.get("jobs", [])
    bank = [job for job in jobs if job["method"] in OF_DETECTORS and not job["name"].startswith("stage/")]
    networks = " and ".join(dict.fromkeys(f"{job['network']} with {_logits(job['outputs'])}" for job in bank))
    shape = " x ".join(map(str, known.shape))
    here = f"{networks or 'another network'} on {known.name_of(card.data_hash)}, {len(known.classes)} classes of {shape}"
    return f"Not the paper's system: its numbers are those of {theirs}; here it is {here}.\n\n"


def _logits(count: int) -> str:
    return "one logit" if count == 1 else f"{count} logits"
