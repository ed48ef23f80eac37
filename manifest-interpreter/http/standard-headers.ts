/** Sent with each request that does not name them itself. */
export const standardHeaders = {
  'User-Agent': 'reactor-connect',
  'Accept-Encoding': 'gzip, deflate, br, zstd',
  Accept: '*/*',
} as const satisfies Readonly<Record<string, string>>
