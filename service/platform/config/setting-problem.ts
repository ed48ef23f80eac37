import { ConnectError } from '../../../protocol/index.ts'

/** A problem of a setting. Never contains the value of a secret. */
export interface SettingProblem {
  readonly setting: string
  readonly place: string
  readonly problem: string
  readonly fix: string
}

/** All problems as one error: the first in full, the others in `details.more`. */
export function invalidSettings(problems: readonly SettingProblem[]): ConnectError {
  const [first, ...others] = problems
  const more = others.map(
    ({ setting, place, problem, fix }) => `${setting} (${place}) ${problem}. ${fix}`,
  )
  return new ConnectError('setting_invalid', {
    details: { ...first, ...(more.length > 0 && { more }) },
  })
}
