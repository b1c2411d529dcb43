"""Finding Java, against stubs that answer as real ones do."""

import os
from pathlib import Path

import pytest

from jobs.doctor.java import Java, ask, find_java_home, javas


def stub_java(home: Path, version: str, said_home: Path | None = None, noise: str = "") -> Path:
    """A `java` that says what the option -XshowSettings:properties makes a real one say; its home."""
    command = home / "bin" / "java"
    command.parent.mkdir(parents=True)
    command.write_text(
        f"""#!/bin/sh
cat >&2 <<'EOF'
{noise}
Property settings:
    java.home = {said_home or home}
    java.specification.version = {version}
    java.version = {version}.0.1

openjdk version "{version}.0.1" 2025-04-15
EOF
"""
    )
    command.chmod(0o755)
    return home


@pytest.mark.parametrize(
    ("said", "major", "fits"),
    [("1.8", 8, False), ("11", 11, False), ("17", 17, True), ("21", 21, True), ("23", 23, False), ("25", 25, False)],
)
def test_spark_s_java_is_17_to_22(tmp_path, said, major, fits):
    home = stub_java(tmp_path / "jdk", said)
    assert ask(home / "bin" / "java") == Java(home, major)
    assert Java(home, major).fits is fits


def test_java_home_comes_before_path_and_path_before_other_places(tmp_path):
    named = stub_java(tmp_path / "named", "17")
    on_path = stub_java(tmp_path / "on_path", "21")
    placed = stub_java(tmp_path / "jvm" / "placed", "17")
    environment = {"JAVA_HOME": str(named), "PATH": f"{on_path / 'bin'}{os.pathsep}{os.defpath}"}
    assert [java.home for java in javas(environment, [f"{tmp_path}/jvm/*"])] == [named, on_path, placed]


def test_a_java_home_that_does_not_fit_is_passed_over(tmp_path):
    old = stub_java(tmp_path / "old", "1.8")
    fitting = stub_java(tmp_path / "jvm" / "fitting", "17")
    environment = {"JAVA_HOME": str(old), "PATH": str(tmp_path / "nothing")}
    assert find_java_home(environment, [f"{tmp_path}/jvm/*"]) == fitting


def test_an_empty_environment_finds_java_where_distributions_put_it(tmp_path):
    placed = stub_java(tmp_path / "jvm" / "placed", "17")
    assert find_java_home({"PATH": ""}, [f"{tmp_path}/jvm/*"]) == placed


def test_the_home_is_what_java_says_and_not_where_its_link_lies(tmp_path):
    real = tmp_path / "real"
    shim = stub_java(tmp_path / "shims", "17", said_home=real)
    assert find_java_home({"PATH": str(shim / "bin")}, []) == real


def test_a_line_about_java_tool_options_does_not_hide_the_version(tmp_path):
    home = stub_java(tmp_path / "jdk", "17", noise="Picked up JAVA_TOOL_OPTIONS: -Dx=1")
    assert find_java_home({"JAVA_HOME": str(home)}, []) == home


def test_a_java_that_fails_or_says_nothing_is_none(tmp_path):
    silent = tmp_path / "silent" / "bin" / "java"
    silent.parent.mkdir(parents=True)
    silent.write_text("#!/bin/sh\nexit 127\n")
    silent.chmod(0o755)
    environment = {"JAVA_HOME": str(tmp_path / "silent"), "PATH": str(tmp_path)}
    assert find_java_home(environment, []) is None
    assert ask(tmp_path / "missing") is None


def test_only_unfitting_javas_give_none(tmp_path):
    stub_java(tmp_path / "jvm" / "java-8", "1.8")
    stub_java(tmp_path / "jvm" / "java-25", "25")
    assert find_java_home({"PATH": str(tmp_path)}, [f"{tmp_path}/jvm/*"]) is None
