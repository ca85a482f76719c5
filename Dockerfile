# wsigen in a container, without a GPU:
#
#     docker build --tag wsigen . && docker run --rm --publish 8000:8000 wsigen
#
# prints a link to the live microscope. With --volume "$PWD":/slides other commands write into the folder at hand:
#
#     docker run --rm --volume "$PWD":/slides wsigen generate slide.tiff --width 1024 --height 1024
FROM python:3.11-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git make nodejs npm \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /wsigen
COPY . .
RUN make .venv/default.stamp viewer \
    && .venv/bin/python -m pip install --no-cache-dir -c constraints.txt -e '.[study]'
ENV PATH=/wsigen/.venv/bin:$PATH
WORKDIR /slides
EXPOSE 8000
ENTRYPOINT ["wsigen"]
CMD ["explore", "--host", "0.0.0.0", "--port", "8000", "--no-browser"]
