"""The README of a checkpoint folder: the card in words and tables. Nothing in it is written by hand."""

from typing import Any

Card = dict[str, Any]


def readme(card: Card) -> str:
    """Markdown for one card."""
    sections = [_head(card), _weights(card)]
    for name, metrics in card["metrics"].items():
        if metrics["kind"] == "detectors":
            sections.append(_detector_table(name, metrics))
        elif metrics["kind"] == "system":
            sections.append(_system_table(name, metrics))
    sections.append(
        "Every number beside the paper's, and the verdict of the honest protocol, as far as measured: `report.md`.\n\n"
        f"Written by `aatviz evaluate {card['system']}` from `card.json`. The weights are those that "
        f"`aatviz train {card['recipe']['name']}` makes, rounded to float16; all numbers were measured on those.\n"
    )
    return "\n".join(sections)


def interval(value: dict[str, float], digits: int = 4) -> str:
    """A value with its 95 % interval: 0.9981 (0.9975 to 0.9986)."""
    return f"{value['value']:.{digits}f} ({value['low']:.{digits}f} to {value['high']:.{digits}f})"


def headline(aucs: dict[str, Any]) -> Any:
    """The AUC of a row (or mean) by the protocol of the paper, the last iterate, where the record has it, else the worst."""
    return next(iter(aucs["last"].values()), aucs["worst"])


def attack_words(spec: dict[str, Any]) -> str:
    """An attack's settings in one line."""
    start = "from random starts" if spec["random_start"] else "from the image itself"
    restarts = f", {spec['restarts']} restarts" if spec["restarts"] > 1 else ""
    budget = f"{spec['optimizer']} {spec['steps']} x {spec['step_size']:g}"
    return f"{spec['norm']} eps {spec['eps']:g}, {budget}, {start}{restarts}, {spec['keep']} iterate"


def _head(card: Card) -> str:
    threat_model = f"Data set {card['dataset']}, threat model {card['norm']} eps {card['eps']:g}."
    return f"# {card['system']}\n\n{card['about']} {threat_model}\n"


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
    return "\n".join([head, *rows, "", f"{minutes} {data}", *_gaussians(card), ""])


def _gaussians(card: Card) -> list[str]:
    gaussians = card.get("gaussians")
    if not gaussians:
        return []
    shares = gaussians["explained_variance"]
    low_rank = f"rank {gaussians['rank']} ({min(shares):.0%} to {max(shares):.0%} of a class's variance)"
    source = f"from {sum(gaussians['n']):,} training images; {gaussians['bytes'] / 1e6:.2f} MB"
    return ["", f"Class Gaussians: mean, {low_rank} and isotropic rest, {source}."]


def _detector_table(name: str, metrics: dict[str, Any]) -> str:
    recipe, mean = metrics["recipe"], metrics["mean"]
    attacks = list(recipe["attacks"])
    lasts = [attack for attack in attacks if attack in metrics["rows"][0]["last"]]
    published = [attack for attack in attacks if attack in recipe["paper"]]
    columns = ["detector", *(f"paper, {attack}" for attack in published)]
    columns += [*(f"{attack}, last iterate" for attack in lasts), *(f"{attack}, best iterate" for attack in attacks)]
    columns += ["worst of all", "natural out-of-class"]
    rows = []
    for row in metrics["rows"]:
        cells = [str(row["detector"]), *(f"{row['paper'][attack]:.5f}" for attack in published)]
        values = [*(row["last"][attack] for attack in lasts), *(row["best"][attack] for attack in attacks)]
        rows.append([*cells, *(interval(value, 5) for value in (*values, row["worst"], row["natural"]))])
    means = ["mean", *(f"{mean['paper'][attack]:.5f}" for attack in published)]
    means += [f"{mean['last'][attack]:.5f}" for attack in lasts] + [f"{mean['best'][attack]:.5f}" for attack in attacks]
    means += [f"{mean['worst']:.5f}", f"{mean['natural']:.5f}"]
    settings = "; ".join(f"*{attack}*: {attack_words(spec)}" for attack, spec in recipe["attacks"].items())
    n = metrics["rows"][0]["worst"]["n"]
    head = f"## {name}\n\n{recipe['about']} n = {n:,} attacked test images a detector. {settings}.\n"
    return "\n".join([head, markdown_table([columns, *rows, means]), ""])


def _system_table(name: str, metrics: dict[str, Any]) -> str:
    accuracy = [["accuracy without rejection", "natural test images", "n"]]
    accuracy += [[victim, interval(value), str(value["n"])] for victim, value in metrics["accuracy"].items()]
    error = [["attacked", "loss", "attack", "error without rejection", "n"]]
    for victim, value in metrics["error_without_rejection"].items():
        scenario = metrics["recipe"]["scenarios"][victim]
        settings = attack_words(scenario["attack"])
        error.append([victim, scenario["loss"], settings, interval(value), str(value["n"])])
    return "\n".join(
        [f"## {name}\n\n{metrics['recipe']['about']}\n", markdown_table(accuracy), "", markdown_table(error), ""]
    )


def markdown_table(rows: list[list[str]]) -> str:
    """Rows of cells, the first one the head, as a Markdown table."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])
