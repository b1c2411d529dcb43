"""What a person sets is taken as it is said, or refused with every fault at once."""

from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from jobs.config import load_config
from jobs.errors import ConfigError


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """A working directory without a configuration."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(text, name="local.toml"):
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(text)
    return Path(name)


def faults(text="", environment=None):
    with pytest.raises(ConfigError) as raised:
        load_config(written(text), environment or {})
    return str(raised.value).splitlines()


def test_the_defaults_have_no_faults_and_cannot_be_changed():
    config = load_config(None, {})
    assert (config.lake, config.landing, config.tenants) == ("", "", {})
    assert (config.score.budget, config.train.first_days, config.features.look_back_days) == (1.0, 30, 400)
    with pytest.raises(FrozenInstanceError):
        config.score.budget = 2.0


def test_a_file_overrides_single_keys_and_leaves_their_neighbours():
    config = load_config(written('lake = "/lake"\n[train]\naged_days = 3\n[tenants]\n"canonical/a" = "acme"\n'), {})
    assert (config.lake, config.train.aged_days, config.train.first_days) == ("/lake", 3, 30)
    assert config.tenants == {"canonical/a": "acme"}


def test_spark_settings_are_added_to_the_defaults_whatever_their_names():
    settings = load_config(written('[spark]\n"spark.master" = "local[2]"\n"spark.any.thing" = "1"\n'), {}).spark
    assert settings["spark.master"] == "local[2]"
    assert settings["spark.any.thing"] == "1"
    assert settings["spark.ui.enabled"] == "false"


def test_the_environment_overrides_the_file():
    file = written("[score]\nbudget = 4.0\n[train]\naged_days = 3\n")
    config = load_config(file, {"UDA_SCORE__BUDGET": "0.5", "UDA_LAKE": "/lake", "HOME": "/", "UDA": "x"})
    assert (config.score.budget, config.lake, config.train.aged_days) == (0.5, "/lake", 3)


def test_numbers_in_the_environment_become_numbers_and_texts_stay_texts():
    config = load_config(None, {"UDA_TRAIN__FIRST_DAYS": "7", "UDA_MLFLOW__MODEL_NAME": "7"})
    assert (config.train.first_days, config.mlflow.model_name) == (7, "7")


def test_a_whole_number_is_a_number_where_any_number_may_stand():
    assert load_config(written("[score]\nbudget = 2\n"), {}).score.budget == 2.0


def test_the_file_is_what_is_named_else_the_variable_else_conf_local():
    names = {"conf/local.toml": "default place", "variable.toml": "variable", "named.toml": "named"}
    files = {said: written(f'lake = "{said}"\n', name) for name, said in names.items()}
    variable = {"UDA_CONFIG": "variable.toml"}
    assert load_config(files["named"], variable).lake == "named"
    assert load_config(None, variable).lake == "variable"
    assert load_config(None, {}).lake == "default place"


def test_an_unknown_key_is_a_fault_that_suggests_the_key_that_was_meant():
    assert faults("[score]\nbudgett = 1.0\n") == ['local.toml [score]: unknown key "budgett" (did you mean "budget"?)']
    assert faults("[scores]\nbudget = 1.0\n") == ['local.toml: unknown key "scores" (did you mean "score"?)']
    assert faults("zzz = 1\n") == ['local.toml: unknown key "zzz"']


def test_an_unknown_variable_is_a_fault_as_an_unknown_key_is():
    assert faults(environment={"UDA_SCORE__BUGDET": "1"}) == [
        'environment [score]: unknown key "bugdet" (did you mean "budget"?)'
    ]
    assert faults(environment={"UDA_LAKEE": "x"}) == ['environment: unknown key "lakee" (did you mean "lake"?)']


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[score]\nbudget = '1'\n", "score.budget: must be float, got '1'"),
        ("[score]\nbudget = true\n", "score.budget: must be float, got True"),
        ("[train]\nfirst_days = 1.5\n", "train.first_days: must be int, got 1.5"),
        ("[train]\nfirst_days = true\n", "train.first_days: must be int, got True"),
        ("lake = 5\n", "lake: must be str, got 5"),
        ("score = 5\n", 'local.toml: "score" is a table of keys, got 5'),
        ('[tenants]\n"canonical/a" = 7\n', "tenants.canonical/a: must be text, got 7"),
        ('[spark]\n"spark.ui.enabled" = false\n', "spark.spark.ui.enabled: must be text, got False"),
    ],
)
def test_a_value_of_another_type_is_a_fault(text, fault):
    assert faults(text) == [fault]


@pytest.mark.parametrize(
    ("key", "value", "fault"),
    [
        ("score.budget", "0.0", "must be above 0 and finite, got 0.0"),
        ("score.budget", "-1.0", "must be above 0 and finite, got -1.0"),
        ("score.budget", "nan", "must be above 0 and finite, got nan"),
        ("features.look_back_days", "0", "must be 1 or more, got 0"),
        ("train.rows_per_partition", "0", "must be 1 or more, got 0"),
        ("train.first_days", "-1", "must be 0 or more, got -1"),
        ("train.aged_days", "-1", "must be 0 or more, got -1"),
        ("ingest.max_ahead_days", "-1", "must be 0 or more, got -1"),
    ],
)
def test_a_value_out_of_range_is_a_fault(key, value, fault):
    section, _, name = key.partition(".")
    assert faults(f"[{section}]\n{name} = {value}\n") == [f"{key}: {fault}"]


@pytest.mark.parametrize(
    ("devices", "fault"),
    [
        ({"wiki": "manual"}, 'git_devices."wiki": must be a repository and a folder in it'),
        (
            {"wiki/a/b": "one", "wiki/a": "other"},
            'git_devices."wiki/a/b": lies inside "wiki/a"; a file belongs to one device',
        ),
        ({"wiki/a": "one", "wiki/b": "one"}, 'git_devices: "one" stands for two folders; a device is one'),
    ],
)
def test_folders_of_a_repository_are_devices_apart(tmp_path, devices, fault):
    file = tmp_path / "uda.toml"
    file.write_text("[git_devices]\n" + "".join(f'"{path}" = "{device}"\n' for path, device in devices.items()))
    with pytest.raises(ConfigError) as raised:
        load_config(file, {})
    assert str(raised.value) == fault


def test_all_faults_of_file_and_environment_are_said_at_once():
    said = faults("lakee = ''\n[score]\nbudget = 'x'\n[train]\nold = 1\n", {"UDA_TRAIN__AGED_DAYS": "soon"})
    assert said == [
        'local.toml: unknown key "lakee" (did you mean "lake"?)',
        'local.toml [train]: unknown key "old"',
        "train.aged_days: must be int, got 'soon'",
        "score.budget: must be float, got 'x'",
    ]


def test_a_file_that_is_not_there_or_no_toml_is_a_fault_that_names_it(elsewhere):
    with pytest.raises(ConfigError, match=r"absent\.toml: cannot be read .*name an existing file"):
        load_config(Path("absent.toml"), {})
    assert faults("lake = \n")[0].startswith("local.toml: not TOML: ")
    Path("bytes.toml").write_bytes(b"lake = '\xff'\n")
    with pytest.raises(ConfigError, match=r"bytes\.toml: not TOML"):
        load_config(Path("bytes.toml"), {})
