"""The README of a checkpoint folder: the card in words and tables. Nothing in it is written by hand."""

from typing import Any

Card = dict[str, Any]


def readme(card: Card) -> str:
    """Markdown for one card."""
    sections = [_head(card), _weights(card)]
    for name, metrics in card["metrics"].items():
        sections.append(_detector_table(name, metrics) if "rows" in metrics else _system_table(name, metrics))
    sections.append(
        f"Written by `aatviz evaluate {card['system']}` from `card.json`; weights as `aatviz train {card['recipe']['name']}` "
        "made them, rounded to float16. Every number was measured on these rounded weights.\n"
    )
    return "\n".join(sections)


def interval(value: dict[str, float], digits: int = 4) -> str:
    """A value with its 95 % interval: 0.9981 (0.9975 to 0.9986)."""
    return f"{value['value']:.{digits}f} ({value['low']:.{digits}f} to {value['high']:.{digits}f})"


def attack_words(spec: dict[str, Any]) -> str:
    """An attack's settings in one line."""
    start = "from random starts" if spec["random_start"] else "from the image itself"
    restarts = f", {spec['restarts']} restarts" if spec["restarts"] > 1 else ""
    return (
        f"{spec['norm']} eps {spec['eps']:g}, {spec['optimizer']} {spec['steps']} x {spec['step_size']:g}, {start}{restarts}, "
        f"{spec['keep']} iterate"
    )


def _head(card: Card) -> str:
    return f"# {card['system']}\n\n{card['about']} Data set {card['dataset']}, threat model {card['norm']} eps {card['eps']:g}.\n"


def _weights(card: Card) -> str:
    rows = [
        f"| {path.split('/')[-1]} | {weights['bytes'] / 1e6:.2f} | {weights['seconds'] / 60:.1f} | {weights['seed']} | "
        f"{weights['precision']} | {weights['device']} |"
        for path, weights in card["weights"].items()
    ]
    head = "| weights | MB | training, minutes | seed | precision | on |\n|---|---|---|---|---|---|"
    first = next(iter(card["weights"].values()))
    versions = ", ".join(f"{name} {version}" for name, version in card["versions"].items())
    minutes = f"Training the detectors took {card['seconds']['detectors'] / 60:.0f} minutes of one process with one thread."
    data = f"Training data (sha256 of images and labels): `{first['data_hash'][:16]}`. Versions: {versions}."
    return "\n".join([head, *rows, "", f"{minutes} {data}", ""])


def _detector_table(name: str, metrics: dict[str, Any]) -> str:
    recipe, mean = metrics["recipe"], metrics["mean"]
    attacks = list(recipe["attacks"])
    lasts = [attack for attack in attacks if attack in metrics["rows"][0]["last"]]
    columns = ["detector", "paper"] if recipe["paper"] else ["detector"]
    columns += [*(f"{attack}, last iterate" for attack in lasts), *(f"{attack}, best iterate" for attack in attacks)]
    columns += ["worst of all", "natural out-of-class"]
    rows = []
    for row in metrics["rows"]:
        cells = [str(row["detector"])] + ([f"{row['paper']:.5f}"] if recipe["paper"] else [])
        cells += [interval(row["last"][attack], 5) for attack in lasts] + [interval(row["best"][attack], 5) for attack in attacks]
        rows.append([*cells, interval(row["worst"], 5), interval(row["natural"], 5)])
    means = ["mean"] + ([f"{sum(recipe['paper']) / len(recipe['paper']):.5f}"] if recipe["paper"] else [])
    means += [f"{mean['last'][attack]:.5f}" for attack in lasts] + [f"{mean['best'][attack]:.5f}" for attack in attacks]
    means += [f"{mean['worst']:.5f}", f"{mean['natural']:.5f}"]
    settings = "; ".join(f"*{attack}*: {attack_words(spec)}" for attack, spec in recipe["attacks"].items())
    head = f"## {name}\n\n{recipe['about']} n = {recipe['count']} attacked test images a detector. {settings}.\n"
    return "\n".join([head, _table([columns, *rows, means]), ""])


def _system_table(name: str, metrics: dict[str, Any]) -> str:
    accuracy = [["accuracy without rejection", "natural test images", "n"]]
    accuracy += [[victim, interval(value), str(value["n"])] for victim, value in metrics["accuracy"].items()]
    error = [["attacked", "loss", "attack", "error without rejection", "n"]]
    for victim, value in metrics["error_without_rejection"].items():
        scenario = metrics["recipe"]["scenarios"][victim]
        error.append([victim, scenario["loss"], attack_words(scenario["attack"]), interval(value), str(value["n"])])
    return "\n".join([f"## {name}\n\n{metrics['recipe']['about']}\n", _table(accuracy), "", _table(error), ""])


def _table(rows: list[list[str]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])
