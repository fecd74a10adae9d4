"""Windows hold every chosen tensor once and whole, and stay within their size unless one tensor is larger."""

from hypothesis import given
from hypothesis import strategies as st

from appliance.weights.sealed.tensors import TensorPlace
from appliance.weights.sealed.windows import KEPT_BYTES, plan, slab_bytes

CHUNK = 4096
MOST = 4


@given(st.lists(st.tuples(st.integers(0, 6 * CHUNK), st.booleans()), max_size=30), st.integers(10, 3 * CHUNK))
def test_every_chosen_tensor_is_in_one_window(sizes: list[tuple[int, bool]], first: int) -> None:
    places: list[TensorPlace] = []
    begin = first
    for number, (size, chosen) in enumerate(sizes):
        if chosen:
            places.append(TensorPlace(str(number), "U8", (size,), begin, begin + size))
        begin += size
    windows = plan(3, places, chunk_bytes=CHUNK, window_bytes=MOST * CHUNK)
    assert [place for window in windows for place in window.places] == [
        each for each in places if each.begin < each.end
    ]
    for window in windows:
        assert window.shard == 3
        assert window.first * CHUNK <= window.places[0].begin
        assert window.places[-1].end <= window.last * CHUNK
        assert window.last - window.first <= MOST or len(window.places) == 1


@given(st.integers(0, 50), st.integers(2, 50))
def test_chunks_that_no_tensor_needs_are_in_no_window(begin: int, gap: int) -> None:
    first = TensorPlace("a", "U8", (1,), begin * CHUNK, begin * CHUNK + 1)
    far = TensorPlace("b", "U8", (1,), (begin + gap) * CHUNK, (begin + gap) * CHUNK + 1)
    windows = plan(0, [first, far], chunk_bytes=CHUNK, window_bytes=1000 * CHUNK)
    assert [(window.first, window.last) for window in windows] == [
        (begin, begin + 1),
        (begin + gap, begin + gap + 1),
    ]


def test_slabs_are_as_long_as_the_longest_window_that_is_kept() -> None:
    assert slab_bytes([], window_bytes=64) == 64
    assert slab_bytes([10, 300, 20], window_bytes=64) == 300
    assert slab_bytes([10, KEPT_BYTES + 1, 20], window_bytes=64) == 64
