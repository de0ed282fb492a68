"""``python -m tests.nn.torch_optimizers`` writes ``optimizer_numbers.py``: what PyTorch gives.

The tests do not need PyTorch.
"""

from __future__ import annotations

START = (1.0, -2.0, 0.5)
STEPS = 6
#: by the name of a rule and its settings here: the name and the settings there
SAME = {
    ("sgd", "learning_rate=0.1"): ("SGD", "lr=0.1"),
    ("sgd", "learning_rate=0.1, weight_decay=0.3"): ("SGD", "lr=0.1, weight_decay=0.3"),
    ("sgd_momentum", "learning_rate=0.1"): ("SGD", "lr=0.1, momentum=0.9"),
    ("sgd_momentum", "learning_rate=0.1, momentum=0.7, weight_decay=0.3"): (
        "SGD",
        "lr=0.1, momentum=0.7, weight_decay=0.3",
    ),
    ("sgd_momentum", "learning_rate=0.1, nesterov=True"): ("SGD", "lr=0.1, momentum=0.9, nesterov=True"),
    ("rmsprop", ""): ("RMSprop", ""),
    ("rmsprop", "learning_rate=0.1, decay_rate=0.8, epsilon=0.01, weight_decay=0.3"): (
        "RMSprop",
        "lr=0.1, alpha=0.8, eps=0.01, weight_decay=0.3",
    ),
    ("adagrad", ""): ("Adagrad", ""),
    ("adagrad", "learning_rate=0.1, epsilon=0.01, weight_decay=0.3"): (
        "Adagrad",
        "lr=0.1, eps=0.01, weight_decay=0.3",
    ),
    ("adam", ""): ("Adam", ""),
    ("adam", "learning_rate=0.1, beta1=0.7, beta2=0.9, epsilon=0.01, weight_decay=0.3"): (
        "Adam",
        "lr=0.1, betas=(0.7, 0.9), eps=0.01, weight_decay=0.3",
    ),
    ("adam", "beta1=0.0"): ("Adam", "betas=(0.0, 0.999)"),
    ("adamw", ""): ("AdamW", ""),
    ("adamw", "learning_rate=0.1, weight_decay=0.3"): ("AdamW", "lr=0.1, weight_decay=0.3"),
}


def gradient(w, step, cos):
    """Of some loss, another one in each step."""
    return cos((step + 1) * w)


def main() -> None:
    import torch

    print(
        f'"""By PyTorch {torch.__version__}, written by torch_optimizers.py: the numbers after each step."""'
    )
    print("\nfrom __future__ import annotations\n\nREFERENCE = {")
    for key, (name, settings) in SAME.items():
        w = torch.tensor(START, dtype=torch.float64)
        optimizer = eval(f"torch.optim.{name}([w], {settings})")
        rows = []
        for step in range(STEPS):
            w.grad = gradient(w, step, torch.cos)
            optimizer.step()
            rows.append(w.tolist())
        print(f'    ("{key[0]}", "{key[1]}"): [')
        for row in rows:
            print(f"        {row},")
        print("    ],")
    print("}")


if __name__ == "__main__":
    main()
