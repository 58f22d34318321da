# The app on a CPU. It runs as a user without rights, writes to /data and /tmp alone, and asks nothing of the outside.
# `docker compose up` starts it behind the proxy that it should have; docs/deployment.md says more.
FROM python:3.11-slim

ENV PIP_NO_CACHE_DIR=1 \
    PYTHONUNBUFFERED=1

WORKDIR /app

# torch without CUDA: a fifth of the size. Its index is named for these two packages alone.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
COPY requirements.txt requirements-library.txt requirements-app.txt ./
RUN grep -E '^torch(vision)?[<>=~]' requirements-library.txt > /tmp/torch.txt \
    && pip install --index-url "$TORCH_INDEX" -r /tmp/torch.txt \
    && pip install -r requirements.txt \
    && rm /tmp/torch.txt

COPY . .
RUN pip install --no-deps -e . \
    && python -m compileall -q aatviz \
    && useradd --uid 10001 --no-create-home --home-dir /data aatviz \
    && install -d -o aatviz -g aatviz /data

ENV HOME=/data \
    XDG_CACHE_HOME=/data/cache \
    AATVIZ_DATA=/data/aatviz \
    PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
VOLUME /data
EXPOSE 8501
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]

# Every address of the container, under whatever name the proxy has; with an address to show, Streamlit looks none up.
CMD ["python", "-m", "streamlit", "run", "app.py", "--server.address=0.0.0.0", "--server.port=8501", \
     "--server.headless=true", "--server.allowedHosts=*", "--browser.serverAddress=localhost", \
     "--client.showErrorDetails=type"]
