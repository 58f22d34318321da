"""Write what was measured into docs/results.md, README.md and benchmarks/README.md, from the stored records and runs.

python -m tools.update_results           # rewrite them
python -m tools.update_results --check   # exit with 1 where they are out of step
"""

from benchmarks import coarse_steps, longer_attack, own_network, tournament
from tools import distortion_table, drawing_table, front_tables, limit_table, result_tables, speed_tables
from tools.marked import bring_up_to_date


def main() -> None:
    sources = (
        drawing_table.table,
        distortion_table.table,
        longer_attack.table,
        limit_table.table,
        own_network.table,
        coarse_steps.table,
        tournament.table,
        speed_tables.peers,
    )
    results = "\n".join([result_tables.tables(), *(line for source in sources for line in source())])
    parts = {
        "README.md": {"results": front_tables.results(), "systems": front_tables.shipped()},
        "docs/results.md": {"measured": results},
        "benchmarks/README.md": {"measured": speed_tables.costs()},
    }
    bring_up_to_date("python -m tools.update_results", parts)


if __name__ == "__main__":
    main()
