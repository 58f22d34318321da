"""The bounds on what is read from files that somebody else made, all in one place."""

MOST_CLASSES = 200
MOST_OUTPUTS = 1000
"""Of a network: those that others trained on ImageNet have its classes."""
MOST_IMAGES = 1_000_000
MOST_FILE_BYTES = 50_000_000
"""Of one image file."""
MOST_HEADER_BYTES = 1_000_000
"""Of all that stands in a tar before the bytes of one file."""
LONGEST_PATH = 1000
"""Letters of a file's path in an archive."""
MOST_PIXELS = 50_000_000
"""Of one image, before it is scaled down."""
MOST_OWN_BYTES, MOST_OWN_PIXELS = 10_000_000, 25_000_000
"""Of a visitor's own picture: its file, and its pixels before it is scaled down, also in an archive of them. Many may send
one at the same time."""
MOST_STRIPED_PIXELS = 64_000_000
"""Of a visitor's JPEG that is decoded strip by strip, in reduced size: it never lies in memory as a whole."""
MOST_UNPACKED_BYTES = 20_000_000_000
"""Of all that comes out of an archive."""
MOST_ARRAY_BYTES = 16_000_000_000
"""Of all images of a data set, decoded."""
MOST_HELD_BYTES = 1_000_000_000
"""Of images that are decoded on the fly: how many are given at once."""
MOST_IDX_BYTES = 1_000_000_000
"""Of one IDX file, unpacked: a million images of MNIST's size."""
LEAST_SIDE, MOST_SIDE = 8, 256
"""Height and width of the images of a data set in pixels."""
MOST_NOTE_BYTES = 50_000_000
"""Of a data.json, a card, a record, a history."""
MOST_WEIGHTS_BYTES = 4_000_000_000
"""Of one file of weights, or of all that a training needs to go on."""
MOST_RESULT_BYTES = 4_000_000_000
"""Of one file of stored scores or images, unpacked."""
MOST_WIDTH, MOST_DEPTH = 8_192, 200
"""Of the network that a file of weights describes: channels or units of a layer, and how many layers."""
