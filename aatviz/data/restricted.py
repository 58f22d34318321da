"""The categories of Restricted ImageNet (Tsipras et al., 2019): which of ImageNet's 1,000 classes each one holds."""

from dataclasses import dataclass

SIZE = 224
"""The side in pixels of the images of the paper's detector."""
LICENCE = "ImageNet's terms of access: for research and teaching, not to be passed on; none of its images is in this package"


@dataclass(frozen=True, kw_only=True)
class Category:
    """ImageNet's classes are in the order of their WordNet numbers ("wnid"), and those of a category follow one another."""

    name: str
    first: int
    last: int
    """The numbers of its first and last class, from 0 to 999."""
    first_wnid: str
    last_wnid: str

    def holds(self, wnid: str) -> bool:
        """Whether the class with this WordNet number, one of ImageNet's 1,000, belongs to the category."""
        return self.first_wnid <= wnid <= self.last_wnid


CATEGORIES = (
    Category(name="dog", first=151, last=268, first_wnid="n02085620", last_wnid="n02113978"),
    Category(name="cat", first=281, last=285, first_wnid="n02123045", last_wnid="n02124075"),
    Category(name="frog", first=30, last=32, first_wnid="n01641577", last_wnid="n01644900"),
    Category(name="turtle", first=33, last=37, first_wnid="n01664065", last_wnid="n01669191"),
    Category(name="bird", first=80, last=100, first_wnid="n01795545", last_wnid="n01860187"),
    Category(name="primate", first=365, last=382, first_wnid="n02480495", last_wnid="n02494079"),
    Category(name="fish", first=389, last=397, first_wnid="n02514041", last_wnid="n02655020"),
    Category(name="crab", first=118, last=121, first_wnid="n01978287", last_wnid="n01981276"),
    Category(name="insect", first=300, last=319, first_wnid="n02165105", last_wnid="n02268443"),
)
NAMES = tuple(category.name for category in CATEGORIES)


def category_of(wnid: str) -> int | None:
    """The place in `CATEGORIES` of the class with this WordNet number; None where it belongs to none of them."""
    return next((place for place, category in enumerate(CATEGORIES) if category.holds(wnid)), None)
