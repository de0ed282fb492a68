from __future__ import annotations

import math
import sys

import numpy
import pytest

from examples.utils.data_utils import (
    adding_problem_generator,
    gaussian_cluster_generator,
    load_digits_split,
)


class TestGaussianClusters:
    def test_shapes_and_dtypes(self):
        x, y = gaussian_cluster_generator(num_samples=20, num_features=7, num_classes=4, seed=0)
        assert (x.shape, x.dtype) == ((20, 7), numpy.float64)
        assert (y.shape, y.dtype) == ((20, 4), numpy.float64)

    def test_defaults_are_the_documented_ones(self):
        x, y = gaussian_cluster_generator(seed=0)
        assert (x.shape, y.shape) == ((10000, 500), (10000, 5))

    def test_labels_are_one_hot_in_blocks(self):
        _, y = gaussian_cluster_generator(num_samples=20, num_features=2, num_classes=4, seed=0)
        assert set(numpy.unique(y)) == {0.0, 1.0}
        assert (y.sum(axis=1) == 1).all()
        assert y.argmax(axis=1).tolist() == [0] * 5 + [1] * 5 + [2] * 5 + [3] * 5

    def test_what_does_not_divide_goes_to_the_last_class(self):
        x, y = gaussian_cluster_generator(num_samples=11, num_features=50, num_classes=3, seed=0)
        assert y.sum(axis=0).tolist() == [3, 3, 5]
        assert x.any(axis=1).all()

    def test_as_many_classes_as_samples(self):
        _, y = gaussian_cluster_generator(num_samples=3, num_features=2, num_classes=3, seed=0)
        assert y.tolist() == numpy.eye(3).tolist()

    def test_clusters_have_deviation_one_tenth_around_centers_in_the_unit_cube(self):
        x, y = gaussian_cluster_generator(num_samples=6000, num_features=40, num_classes=3, seed=1)
        means = numpy.stack([x[y[:, i] == 1].mean(axis=0) for i in range(3)])
        # The mean of 2000 points is within 5 * 0.1 / sqrt(2000) of its center.
        slack = 5 * 0.1 / math.sqrt(2000)
        assert means.min() > -slack
        assert means.max() < 1 + slack
        # Centers are uniform: the mean of 120 coordinates is 1/2, their deviation 1/sqrt(12).
        assert means.mean() == pytest.approx(0.5, abs=0.11)
        assert means.std() == pytest.approx(1 / math.sqrt(12), abs=0.06)
        for i in range(3):
            spread = x[y[:, i] == 1].std(axis=0)
            assert spread == pytest.approx(numpy.full(40, 0.1), abs=0.01)

    def test_seed_repeats_and_other_seed_differs(self):
        first, again, other = (gaussian_cluster_generator(12, 3, 2, seed=seed)[0] for seed in (5, 5, 6))
        assert (first == again).all()
        assert (first != other).any()

    def test_without_seed_numpys_global_generator_is_used(self):
        numpy.random.seed(5)
        x, _ = gaussian_cluster_generator(12, 3, 2)
        # The documented program, for sizes that divide.
        numpy.random.seed(5)
        mu = numpy.random.rand(2, 3)
        expected = numpy.concatenate([numpy.random.normal(mu[i], 0.1, (6, 3)) for i in range(2)])
        assert (x == expected).all()

    def test_seed_leaves_the_global_generator_alone(self):
        numpy.random.seed(5)
        expected = numpy.random.rand()
        numpy.random.seed(5)
        gaussian_cluster_generator(12, 3, 2, seed=1)
        assert numpy.random.rand() == expected

    @pytest.mark.parametrize(
        ("arguments", "name"),
        [
            ({"num_samples": 0}, "num_samples"),
            ({"num_samples": 4, "num_classes": 5}, "num_samples"),
            ({"num_samples": 10.0}, "num_samples"),
            ({"num_features": 0}, "num_features"),
            ({"num_features": "3"}, "num_features"),
            ({"num_classes": 0}, "num_classes"),
            ({"num_classes": -1}, "num_classes"),
            ({"num_classes": None}, "num_classes"),
        ],
    )
    def test_bad_size_is_named(self, arguments, name):
        with pytest.raises(ValueError, match=f"^{name} must be"):
            gaussian_cluster_generator(**arguments)


class TestAddingProblem:
    def test_shapes_and_dtypes(self):
        x, y = adding_problem_generator(8, seed=0)
        assert (x.shape, x.dtype) == ((8, 6, 2), numpy.float64)
        assert (y.shape, y.dtype) == ((8, 1), numpy.float64)

    def test_label_is_the_sum_of_the_two_marked_numbers(self):
        x, y = adding_problem_generator(200, seq_len=9, seed=0)
        numbers, marks = x[..., 0], x[..., 1]
        assert set(numpy.unique(marks)) == {0.0, 1.0}
        assert (marks.sum(axis=1) == 2).all()
        assert y[:, 0] == pytest.approx((numbers * marks).sum(axis=1), rel=1e-15)

    def test_every_pair_of_positions_is_marked_about_equally_often(self):
        x, _ = adding_problem_generator(6000, seq_len=4, seed=0)
        pairs, counts = numpy.unique(x[..., 1], axis=0, return_counts=True)
        assert len(pairs) == 6
        # 1000 each is expected, with a deviation of sqrt(6000 * 1/6 * 5/6) = 29.
        assert abs(counts - 1000).max() < 150

    def test_numbers_are_uniform_up_to_high(self):
        x, _ = adding_problem_generator(1000, seq_len=10, high=20, seed=0)
        numbers = x[..., 0]
        assert numbers.min() >= 0
        assert 19.5 < numbers.max() < 20
        assert numbers.mean() == pytest.approx(10, abs=0.3)

    def test_shortest_sequence_has_both_numbers_marked(self):
        x, y = adding_problem_generator(5, seq_len=2, seed=0)
        assert (x[..., 1] == 1).all()
        assert y[:, 0] == pytest.approx(x[..., 0].sum(axis=1), rel=1e-15)

    def test_seed_repeats_and_is_the_global_generators_seed(self):
        x, y = adding_problem_generator(4, seed=3)
        numpy.random.seed(3)
        x_global, y_global = adding_problem_generator(4)
        assert (x == x_global).all()
        assert (y == y_global).all()

    @pytest.mark.parametrize(
        ("arguments", "name"),
        [
            ({"N": 0}, "N"),
            ({"N": 2.5}, "N"),
            ({"N": 3, "seq_len": 1}, "seq_len"),
            ({"N": 3, "high": 0}, "high"),
            ({"N": 3, "high": -1}, "high"),
            ({"N": 3, "high": math.nan}, "high"),
            ({"N": 3, "high": math.inf}, "high"),
        ],
    )
    def test_bad_argument_is_named(self, arguments, name):
        with pytest.raises(ValueError, match=f"^{name} must be"):
            adding_problem_generator(**arguments)


class TestDigits:
    def test_sizes_and_dtypes(self):
        data = load_digits_split()
        assert {name: (array.shape, array.dtype.name) for name, array in data.items()} == {
            "X_train": ((1437, 64), "float32"),
            "y_train": ((1437,), "int64"),
            "X_test": ((360, 64), "float32"),
            "y_test": ((360,), "int64"),
        }

    def test_pixels_and_labels_are_in_range(self):
        data = load_digits_split()
        pixels = numpy.concatenate([data["X_train"], data["X_test"]])
        assert (pixels.min(), pixels.max()) == (0, 1)
        assert set(data["y_train"]) == set(data["y_test"]) == set(range(10))

    def test_every_image_is_in_one_part_only_with_its_own_label(self):
        from sklearn.datasets import load_digits

        data = load_digits_split()
        # scikit-learn's 1797 images are all different, so an image tells which one it is.
        source = load_digits()
        label_of = {tuple(image): label for image, label in zip(source.data, source.target)}
        assert len(label_of) == 1797
        seen = []
        for part in ("train", "test"):
            for image, label in zip(data[f"X_{part}"] * 16, data[f"y_{part}"]):
                assert label_of[tuple(image)] == label
                seen.append(tuple(image))
        assert len(set(seen)) == len(seen) == 1797

    def test_split_is_fixed_by_the_seed_and_shuffled(self):
        first, again, other = load_digits_split(), load_digits_split(), load_digits_split(seed=1)
        assert (first["y_test"] == again["y_test"]).all()
        assert (first["X_test"] == again["X_test"]).all()
        assert (first["y_test"] != other["y_test"]).any()
        # In scikit-learn's order the digits begin 0, 1, ..., 9.
        assert first["y_train"][:10].tolist() != list(range(10))
        assert first["y_test"][:10].tolist() != list(range(10))

    def test_other_fraction(self):
        data = load_digits_split(test_fraction=0.5)
        assert (len(data["y_train"]), len(data["y_test"])) == (898, 899)

    @pytest.mark.parametrize("fraction", [0, 1, -0.2, 1.5, 0.99999, math.nan])
    def test_fraction_that_empties_a_part_is_refused(self, fraction):
        with pytest.raises(ValueError, match=r"^test_fraction must be"):
            load_digits_split(test_fraction=fraction)

    def test_without_scikit_learn_the_error_names_the_extra(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
        with pytest.raises(ImportError, match=r'pip install "minpy\[examples\]"'):
            load_digits_split()
