import fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'

/**
 * Opening this file fails meanwhile, as if the system refused it: root may read everything, and disks seldom
 * fail in time.
 */
export async function failingToOpen<Result>(
  file: string,
  code: string,
  work: () => Promise<Result>,
): Promise<Result> {
  const real = fs.open
  const failing = (...parameters: Parameters<typeof real>) => {
    if (parameters[0] !== file) return real(...parameters)
    return Promise.reject(Object.assign(new Error(`${code}: planted`), { code }))
  }
  fs.open = failing
  syncBuiltinESMExports()
  try {
    return await work()
  } finally {
    fs.open = real
    syncBuiltinESMExports()
  }
}
