import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { ConnectError } from '../../../protocol/index.ts'
import { CedarPolicy } from './cedar-policy.ts'
import { errorCodeOf } from '../../../lib/files/error-code.ts'

const defaultFile = new URL('./default-policy.cedar', import.meta.url)

/** The policy of the file, else the default one. Throws `policy_unreadable`, `policy_invalid`. */
export async function loadPolicy(file?: string): Promise<CedarPolicy> {
  const path = file ?? fileURLToPath(defaultFile)
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    const reason = errorCodeOf(error) ?? String(error)
    throw new ConnectError('policy_unreadable', { details: { file: path, reason }, cause: error })
  }
  const policy = CedarPolicy.parse(text, path)
  if (!/\bpermit\s*\(/.test(text.replaceAll(/\/\/.*/g, '')))
    throw new ConnectError('policy_invalid', {
      details: { file: path, line: 1, column: 1, problem: 'no rule permits anything to anybody' },
    })
  return policy
}
