# The images of Galapagos, from one base: `box`, in which candidates and judges run, and `service`, for all its processes.
# BASE: any image of the Debian family (merged /usr) with Python 3.11 or newer as python3 on its PATH, and pip.
ARG BASE=python:3.11.13-slim-bookworm
# DASHBOARD_BASE: the image in which the dashboard is built; only what was built is kept.
ARG DASHBOARD_BASE=${BASE}

# The boxes of tier "container": Python, numpy, msgspec, compilers and the harness; docs/sandbox.md says how to build it.
FROM ${BASE} AS box

RUN if [ ! -L /lib ] || ! command -v python3 >/dev/null || ! command -v ldconfig >/dev/null; then \
      echo "expected a base image with merged /usr, python3 and glibc's ldconfig; choose another BASE" >&2; exit 1; \
    fi; \
    if ! { command -v gcc && command -v g++; } >/dev/null; then \
      apt-get update && apt-get install -y --no-install-recommends gcc g++ libc6-dev && rm -rf /var/lib/apt/lists/*; \
    fi

COPY evaluators/container /galapagos/container
RUN python3 /galapagos/container/install.py && python3 -m compileall -q /galapagos/packages/*

COPY evaluators/harness /galapagos/harness
# Programs expect a place for temporary files: each candidate's own. The rest must be readable for users that nobody is.
RUN python3 -m compileall -q /galapagos/harness \
    && mkdir -p /scratch/tmp /galapagos/slot /galapagos/environment \
    && rm -rf /tmp && ln -s /scratch/tmp /tmp \
    && chmod -R a+rX /galapagos && ldconfig

ENV PYTHONPATH=/galapagos/harness:/galapagos/packages PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
WORKDIR /
ENTRYPOINT ["python3", "-s", "-S", "-P", "-B", "/galapagos/harness/galapagos_enter.py"]
CMD ["facts"]

# The dashboard. Node is the image's own where that is new enough, else a wheel; packages come from the npm registry, by hash.
FROM ${DASHBOARD_BASE} AS dashboard

COPY scripts/dashboard.sh /galapagos/scripts/
COPY server/dashboard /galapagos/server/dashboard
RUN PYTHON=$(command -v python3) /galapagos/scripts/dashboard.sh build

# Every process but Postgres; docker-compose.yml says which module each container runs.
FROM ${BASE} AS service

COPY requirements-service.lock /galapagos/
RUN python3 -m pip install --no-cache-dir --no-deps --require-hashes --only-binary :all: --root-user-action ignore \
      --disable-pip-version-check -r /galapagos/requirements-service.lock

COPY evolution /galapagos/evolution
COPY database /galapagos/database
COPY migrations /galapagos/migrations
COPY controller /galapagos/controller
COPY workers /galapagos/workers
COPY evaluators /galapagos/evaluators
COPY galapagos /galapagos/galapagos
COPY server /galapagos/server
COPY --from=dashboard /galapagos/server/dashboard/dist /galapagos/server/dashboard/dist
COPY problems /galapagos/problems
COPY pyproject.toml scripts/distribution.py /galapagos/
# Volumes get their owner from the folders that they are mounted on.
RUN python3 /galapagos/distribution.py && python3 -m compileall -q /galapagos \
    && mkdir -p /run/galapagos/slots /var/cache/galapagos \
    && chown 10001:10001 /run/galapagos/slots /var/cache/galapagos \
    && chmod 770 /run/galapagos/slots /var/cache/galapagos \
    && chmod -R a+rX /galapagos

ENV PYTHONPATH=/galapagos PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOME=/tmp
USER 10001:10001
WORKDIR /galapagos
CMD ["python3", "-m", "galapagos", "--help"]
