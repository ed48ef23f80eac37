import { accessCodes } from './codes/access-codes.ts'
import { actionCodes } from './codes/action-codes.ts'
import { airbyteCodes } from './codes/airbyte-codes.ts'
import { cliCodes } from './codes/cli-codes.ts'
import { credentialsCodes } from './codes/credentials-codes.ts'
import { destinationCodes } from './codes/destination-codes.ts'
import { fileCodes } from './codes/file-codes.ts'
import { httpCodes } from './codes/http-codes.ts'
import { logCodes } from './codes/log-codes.ts'
import { platformCodes } from './codes/platform-codes.ts'
import { registryCodes } from './codes/registry-codes.ts'
import { resourceCodes } from './codes/resource-codes.ts'
import { runCodes } from './codes/run-codes.ts'
import { sourceCodes } from './codes/source-codes.ts'
import { topicCodes } from './codes/topic-codes.ts'
import { twoWayCodes } from './codes/two-way-codes.ts'
import { webhookCodes } from './codes/webhook-codes.ts'
import { writeCodes } from './codes/write-codes.ts'
import type { ErrorCode } from './error-code.ts'

export type { ErrorCode, FailureType } from './error-code.ts'

/** The codes by area: the code of a new kind of failure goes into the table of its area. */
export const codesByArea = {
  access: accessCodes,
  action: actionCodes,
  airbyte: airbyteCodes,
  cli: cliCodes,
  credentials: credentialsCodes,
  destination: destinationCodes,
  file: fileCodes,
  http: httpCodes,
  log: logCodes,
  platform: platformCodes,
  registry: registryCodes,
  resource: resourceCodes,
  run: runCodes,
  source: sourceCodes,
  topic: topicCodes,
  'two-way': twoWayCodes,
  webhook: webhookCodes,
  write: writeCodes,
} as const

/**
 * Every error that a user can see. The page of its area in docs/errors/ has a section for it (a test compares
 * both ways). A placeholder such as `{host}` is filled from the error's details; details never hold a secret
 * or a record's contents.
 */
export const errorCodes = {
  ...accessCodes,
  ...actionCodes,
  ...airbyteCodes,
  ...cliCodes,
  ...credentialsCodes,
  ...destinationCodes,
  ...fileCodes,
  ...httpCodes,
  ...logCodes,
  ...platformCodes,
  ...registryCodes,
  ...resourceCodes,
  ...runCodes,
  ...sourceCodes,
  ...topicCodes,
  ...twoWayCodes,
  ...webhookCodes,
  ...writeCodes,
} as const satisfies Record<string, ErrorCode>

/** The names of the codes. */
export type ErrorCodeName = keyof typeof errorCodes

const areas = new Map<string, string>(
  Object.entries(codesByArea).flatMap(([area, codes]) =>
    Object.keys(codes).map((code): [string, string] => [code, area]),
  ),
)

/**
 * The section that explains a code, from the root of the project: `docs/errors/resource.md#name_taken`.
 * Undefined: no code.
 */
export function errorSection(code: string): string | undefined {
  const area = areas.get(code)
  return area === undefined ? undefined : `docs/errors/${area}.md#${code}`
}
