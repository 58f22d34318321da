"""The section of the report on the subsample: rejecting counted as an error, growing balls, many restarts, many queries."""

from typing import Any

from aatviz.data.spec import written
from aatviz.metrics.format import interval, markdown_table
from aatviz.store.systems import System


def subsample(system: System, record: dict[str, Any]) -> str:
    """Its tables, at the threshold that rejects most, as Markdown."""
    radii = [written(radius * system.card.eps, nearly=True) for radius in record["radii"]]
    along = ["victim", *(f"eps {radius}" for radius in radii)]
    rows = {victim: found[-1] for victim, found in record["victims"].items()}
    (first, *_) = rows.values()
    names = {"many restarts": f"own loss, {record['recipe']['restarts']} restarts"}
    names |= {"many queries": f"Square, {record['recipe']['queries']:,} queries"}
    errors = [["victim", *(names.get(name, name) for name in first["error"]), "n"]]
    tables = {"growing": [along], "rejected": [along]}
    for victim, row in rows.items():
        errors.append([victim, *(interval(value, 3) for value in row["error"].values()), str(record["recipe"]["count"])])
        for name, table in tables.items():
            table.append([victim, *(f"{value['value']:.0%}" for value in row[name])])
    return (
        f"At the threshold that rejects {first['clean_rejection']:.0%} of held-out clean images, misclassified and accepted:"
        f"\n\n{markdown_table(errors)}\n\nMisclassified or rejected as they are, or fooled within this eps by the attack "
        f"towards every target:\n\n{markdown_table(tables['growing'])}\n\nThe same within the whole eps, or pushed within "
        f"this one until they are rejected (arXiv 2305.01139):\n\n{markdown_table(tables['rejected'])}\n"
    )
