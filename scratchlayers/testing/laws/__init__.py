"""What must hold? Every law, the ones that say most about a mistake first."""

from .derivatives import first_derivative_is_right, second_derivative_is_right
from .halves import half_precision_accumulates_wide
from .layouts import any_strides_are_read, lazy_conjugation_is_seen, lazy_negation_is_seen
from .memory import (
    inputs_are_only_read,
    memory_is_written_before_it_is_read,
    read_only_arrays_are_enough,
    results_are_fresh,
    same_bits_every_time,
)
from .specials import (
    first_maximum_and_last_nan_win,
    last_of_several_is_kept,
    lowest_value_is_a_value,
    nan_and_infinity_stay_where_they_are_read,
)
from .transposes import adjoint_is_the_transpose, three_gradients_of_one_form
from .values import (
    one_hot_inputs_land_where_they_should,
    shape_dtype_and_device,
    values_are_torchs,
    what_copies_nothing_holds_the_value,
)

LAWS = (
    shape_dtype_and_device,
    one_hot_inputs_land_where_they_should,
    values_are_torchs,
    what_copies_nothing_holds_the_value,
    three_gradients_of_one_form,
    adjoint_is_the_transpose,
    first_derivative_is_right,
    second_derivative_is_right,
    any_strides_are_read,
    lazy_conjugation_is_seen,
    lazy_negation_is_seen,
    inputs_are_only_read,
    read_only_arrays_are_enough,
    memory_is_written_before_it_is_read,
    results_are_fresh,
    same_bits_every_time,
    nan_and_infinity_stay_where_they_are_read,
    first_maximum_and_last_nan_win,
    last_of_several_is_kept,
    lowest_value_is_a_value,
    half_precision_accumulates_wide,
)

__all__ = ["LAWS"]
