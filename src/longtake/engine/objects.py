"""Objects by id within a state."""

from collections.abc import Collection
from dataclasses import replace

from longtake.errors import SettingError
from longtake.memory.tree import select
from longtake.systems.protocol import Cohort, State


def remove(state: State, ids: Collection[int]) -> State:
    """The state without these objects; their cohort mates keep their memory. Raises SettingError on an unknown id."""
    unknown = sorted(set(ids) - set(state.ids))
    if unknown:
        raise SettingError(f"object {unknown[0]} is not followed; these are: {', '.join(map(str, state.ids))}")
    cohorts = (_without(cohort, ids) for cohort in state.cohorts)
    return replace(state, cohorts=tuple(cohort for cohort in cohorts if cohort.ids))


def _without(cohort: Cohort, ids: Collection[int]) -> Cohort:
    columns = [i for i, name in enumerate(cohort.ids) if name not in ids]
    if len(columns) == len(cohort.ids) or not columns:
        return replace(cohort, ids=tuple(cohort.ids[i] for i in columns))
    kept = tuple(cohort.ids[i] for i in columns)
    return Cohort(kept, cohort.valid[:, columns], select(cohort.memory, columns))
