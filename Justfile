# Shortcuts for contributors; `just` lists them. CI and releases use tox.

_list:
    @just --list

# Serve on the embedded database, and serve anew whenever a Python file changes.
dev *options:
    watchfiles --filter python --sigint-timeout 15 \
        'quartapp serve --data-dir .dev {{ options }}' quartapp plugins

# Run the tests, or some of them: just test tests/quartapp/realtime
test *arguments:
    pytest -n 2 {{ arguments }}

# Put right what ruff can put right, then check form and spelling.
lint:
    ruff format .
    ruff check --fix .
    codespell

# Check the types, strictly.
types:
    mypy

# Build the documentation, without a warning.
docs:
    sphinx-build -W --keep-going -b html docs build/site
