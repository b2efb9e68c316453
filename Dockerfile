# The product's image: everything pinned by hash, an ordinary user, one command for each process.
FROM python:3.11-slim
WORKDIR /headrace
COPY requirements requirements
RUN pip install --no-cache-dir --require-hashes -r requirements/run.txt -r requirements/build.txt
COPY pyproject.toml README.md LICENSE CHANGELOG.md ./
COPY src src
COPY app app
RUN pip install --no-cache-dir --no-deps --no-build-isolation . && useradd --system headrace
USER headrace
ENTRYPOINT ["headrace"]
CMD ["--help"]
