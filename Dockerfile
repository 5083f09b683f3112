# One image for every process of the monolith: web, relay, workers and prepare differ only in their command. With
# --build-arg APP=orders (accounts, catalog, gateway, inventory) it is an image of that app alone: its files and the shelf
# that all stand on, what these import, its settings.
#
# Python 3.11 is the oldest version that requirements.txt is locked for, and the one that all tests run on. The tag is
# exact; whoever can ask the registry should append the digest (docker buildx imagetools inspect) to both lines.
FROM python:3.11.16-slim-bookworm AS build
ARG APP=monolith
WORKDIR /build
COPY requirements.txt manage.py ./
COPY deploy/image/ deploy/image/
RUN python deploy/image/alone.py requirements "$APP" > chosen.txt
# Without pip inside, nothing can be installed into the running image; wheels alone, so no compiler is needed anywhere.
RUN python -m venv --without-pip /opt/nexus \
    && pip --python /opt/nexus/bin/python install \
        --no-cache-dir --no-input --disable-pip-version-check \
        --require-hashes --only-binary=:all: -r chosen.txt
COPY nexus/ nexus/
RUN python deploy/image/alone.py tree "$APP" /app

FROM python:3.11.16-slim-bookworm
ARG APP=monolith
RUN groupadd --system --gid 10001 nexus \
    && useradd --system --uid 10001 --gid nexus --home-dir /tmp --no-create-home --shell /usr/sbin/nologin nexus
ENV PATH=/opt/nexus/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PYTHONFAULTHANDLER=1 \
    DJANGO_SETTINGS_MODULE=nexus.settings.$APP
WORKDIR /app
COPY --from=build /opt/nexus /opt/nexus
COPY --from=build /app ./
# Compiled here because the running file system is read-only. Collecting the static files also proves, before an image
# exists, that the settings and every app import; the demo's made-up secrets do not outlive this step.
RUN python -m compileall -q nexus manage.py \
    && NEXUS_DEMO=1 NEXUS_VAR=/tmp/build python manage.py collectstatic --no-input --verbosity 0 \
    && rm -rf /tmp/build
# All of it is owned by root: the process cannot change its own code.
USER 10001:10001
EXPOSE 8080
# Web, relay and workers finish on SIGTERM what they have begun.
STOPSIGNAL SIGTERM
ENTRYPOINT ["python"]
CMD ["-m", "nexus.web.server", "--host", "0.0.0.0", "--port", "8080", "--workers", "2", "--patience", "20"]
