"""Channels of a configuration are taken as they are said, or refused with every fault and without any value."""

import pytest

from jobs.channel_settings import Jsonl, Smtp, Sns, Webhook
from jobs.config import load_config
from jobs.errors import ConfigError

SECRET = "hunter2!"
MAIL = 'kind = "smtp"\nhost = "mail.example.org"\nsender = "uda@example.org"\nto = ["soc@example.org"]\n'
HOOK = 'kind = "webhook"\nurl = "https://siem.example.org/alerts"\n'
TOPIC = "arn:aws:sns:eu-central-1:123456789012:alerts"
SNS = f'kind = "sns"\ntopic = "{TOPIC}"\n'
FILE = 'kind = "jsonl"\npath = "/var/log/alerts.jsonl"\n'


def config_of(text, tmp_path):
    (tmp_path / "local.toml").write_text(text)
    return load_config(tmp_path / "local.toml", {})


def faults(text, tmp_path, name="a"):
    with pytest.raises(ConfigError) as raised:
        config_of(f"[channels.{name}]\n{text}", tmp_path)
    return str(raised.value).splitlines()


def test_there_is_no_channel_unless_one_is_configured(tmp_path):
    assert config_of("", tmp_path).channels == {}


def test_each_kind_has_keys_of_its_own(tmp_path):
    more = 'user = "uda"\npassword_env = "MAIL_PASSWORD"\nport = 465\nsecurity = "tls"\n'
    text = f'[channels.f]\n{FILE}tenants = ["acme"]\n[channels.h]\n{HOOK}token_env = "T"\n[channels.m]\n{MAIL}{more}'
    text += f"[channels.t]\n{SNS}[channels.o]\n{SNS.replace('alerts', 'alerts.fifo')}"
    assert config_of(text, tmp_path).channels == {
        "f": Jsonl("f", "/var/log/alerts.jsonl", ("acme",)),
        "h": Webhook("h", "https://siem.example.org/alerts", "T"),
        "m": Smtp(
            "m",
            "mail.example.org",
            "uda@example.org",
            ("soc@example.org",),
            port=465,
            security="tls",
            user="uda",
            password_env="MAIL_PASSWORD",
        ),
        "t": Sns("t", TOPIC),
        "o": Sns("o", f"{TOPIC}.fifo"),
    }


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", ".kind: must be one of jsonl, webhook, smtp, sns"),
        ('kind = "pager"\n', ".kind: must be one of jsonl, webhook, smtp, sns"),
        ("kind = []\n", ".kind: must be one of jsonl, webhook, smtp, sns"),
        ('kind = "jsonl"\n', ".path: is missing"),
        ('kind = "jsonl"\npath = "alerts.jsonl"\n', ".path: must be absolute"),
        (FILE + 'pathh = "x"\n', ': unknown key "pathh" (did you mean "path"?)'),
        (FILE + 'name = "x"\n', ': unknown key "name"'),
        (FILE + 'tenants = "acme"\n', ".tenants: must be a list of texts"),
        (FILE + "tenants = []\n", ".tenants: must be a list of texts"),
        (FILE + "tenants = [1]\n", ".tenants: must be a list of texts"),
        (FILE + 'about = ["alerts"]\n', ".about: must be a list of episodes, operations"),
        (FILE + 'about = "operations"\n', ".about: must be a list of texts"),
        (MAIL + "port = true\n", ".port: must be a whole number"),
        (MAIL + "port = 0\n", ".port: must be 1 to 65535"),
        (MAIL + 'security = "ssl"\n', ".security: must be one of starttls, tls, none"),
        (MAIL + 'user = "uda"\n', ": user and password_env go together"),
        (
            MAIL + 'user = "uda"\npassword_env = "P"\nsecurity = "none"\n',
            ".security: must be starttls or tls, for a password goes with it",
        ),
        (
            MAIL.replace("soc@example.org", "SOC <soc@example.org>"),
            ".to: must be bare mail addresses, like uda@example.org",
        ),
        (
            MAIL.replace("uda@example.org", "uda@example.org\\nBcc: x@y.z"),
            ".sender: must be bare mail addresses, like uda@example.org",
        ),
        (SNS.replace("12:", "1:"), ".topic: must be an ARN like arn:aws:sns:…:alerts"),
        (SNS.replace(":sns:", ":sqs:"), ".topic: must be an ARN like arn:aws:sns:…:alerts"),
        (SNS + 'region = "eu-west-1"\n', ': unknown key "region"'),
        (HOOK.replace("https", "file"), ".url: must be an address like https://siem.example.org/alerts"),
        (HOOK.replace(".org", ".org:none"), ".url: must be an address like https://siem.example.org/alerts"),
        (HOOK.replace("/alerts", "/a b"), ".url: must be an address like https://siem.example.org/alerts"),
        (HOOK.replace("https", "http") + 'token_env = "T"\n', ".url: must be https, for a token goes with it"),
    ],
)
def test_each_fault_is_said(text, fault, tmp_path):
    assert faults(text, tmp_path) == [f"channels.a{fault}"]


@pytest.mark.parametrize(
    "text",
    [
        MAIL + f'password = "{SECRET}"\n',
        SNS + f'aws_secret_access_key = "{SECRET}"\n',
        SNS.replace("arn:aws", SECRET),
        MAIL + f'user = "uda"\npassword_env = "{SECRET}"\n',
        MAIL + f'user = "uda"\npassword_env = ["{SECRET}"]\n',
        HOOK + f'token_env = "{SECRET}"\n',
        HOOK.replace("siem.", f"uda:{SECRET}@siem."),
        f'kind = "{SECRET}"\n',
    ],
)
def test_a_secret_in_place_of_a_reference_is_refused_and_not_repeated(text, tmp_path):
    said = faults(text, tmp_path)
    assert len(said) == 1
    assert SECRET not in said[0]


def test_a_variable_that_would_itself_be_taken_for_a_setting_is_no_place_for_a_secret(tmp_path):
    (said,) = faults(HOOK + 'token_env = "UDA_TOKEN"\n', tmp_path)
    assert "does not begin with UDA_" in said


def test_a_name_is_plain_for_it_stands_in_logs_and_tables(tmp_path):
    assert faults(FILE, tmp_path, name='"a b"') == ["channels.a b: a name has letters, digits, - and _ alone"]
    with pytest.raises(ConfigError, match=r"channels\.a: must be a table of keys"):
        config_of("[channels]\na = 1\n", tmp_path)


def test_on_this_machine_a_secret_may_go_in_the_clear(tmp_path):
    local = HOOK.replace("https://siem.example.org", "http://127.0.0.1:8080") + 'token_env = "T"\n'
    assert config_of(f"[channels.a]\n{local}", tmp_path).channels["a"].token_env == "T"


@pytest.mark.parametrize(
    ("key", "least"),
    [
        ("max_age_days", 0),
        ("attempts", 1),
        ("fleet_devices", 2),
        ("no_run_hours", 1),
        ("reject_records", 1),
    ],
)
def test_what_is_told_and_how_often_it_is_tried_have_a_least_value(key, least, tmp_path):
    with pytest.raises(ConfigError, match=rf"alerts\.{key}: must be {least} or more"):
        config_of(f"[alerts]\n{key} = {least - 1}\n", tmp_path)
    assert getattr(config_of(f"[alerts]\n{key} = {least}\n", tmp_path).alerts, key) == least
