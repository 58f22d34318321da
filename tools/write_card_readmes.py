"""Write the READMEs of all shipped systems again, from their cards and records: python -m tools.write_card_readmes"""

from aatviz.report.card_readme import write_readme
from aatviz.store.systems import checkpoints_folder, systems


def main() -> None:
    for name in systems():
        write_readme(checkpoints_folder() / name)


if __name__ == "__main__":
    main()
