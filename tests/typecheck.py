"""How shapes and types are checked while the tests run; an int is a float here, as for mypy."""

from beartype import BeartypeConf, beartype

checked = beartype(conf=BeartypeConf(is_pep484_tower=True))
