"""What can go wrong in a way that a person can act on."""


class UdaError(Exception):
    """A failure whose message alone says what happened, where, and what to do. Exit status 1."""


class ConfigError(UdaError):
    """The configuration has faults; the message lists every one of them. Exit status 2."""


class SchemaError(UdaError):
    """A frame or a stored table is not what `jobs.tables` says; the message lists every fault."""


class AccountingError(UdaError):
    """Landed records do not add up to backups, rejects and duplicates."""
