"""How MiniStack is told, through its environment, to be what a local cloud needs."""

from __future__ import annotations

from localcloud.settings import Settings


def ministack_environment(settings: Settings) -> dict[str, str]:
    """One port on one address, real authorisation, and nothing kept or started beside it."""
    scratch = settings.state_dir / "ministack"
    return {
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(settings.port),
        "MINISTACK_ACCOUNT_ID": settings.account,
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_REGION": settings.region,
        "MINISTACK_IMDS_V2_REQUIRED": "1",
        "PERSIST_STATE": "0",
        "S3_PERSIST": "0",
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
        # No Docker of the host's for what MiniStack would run in containers: machines are ours.
        "DOCKER_HOST": f"unix://{scratch / 'no-docker.sock'}",
        "S3_DATA_DIR": str(scratch / "s3"),
        "TMPDIR": str(scratch),
    }
