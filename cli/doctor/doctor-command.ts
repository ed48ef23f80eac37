import { pino } from 'pino'
import { ConnectError } from '../../protocol/index.ts'
import type { Environment } from '../../service/platform/config/environment.ts'
import { loadSettings } from '../../service/platform/config/load-settings.ts'
import type { Settings } from '../../service/platform/config/settings.ts'
import { ApiClient } from '../client/api-client.ts'
import { findService, withValidLogin, type ServiceFlags } from '../client/find-service.ts'
import { exitCodes } from '../exit-codes.ts'
import { showResult, type CommandOutput } from '../output/command-output.ts'
import { checkDataFolder, checkDisk, checkVersions } from './check-machine.ts'
import { checkParts } from './check-parts.ts'
import { checkService } from './check-service.ts'
import { finding, type Finding } from './finding.ts'

export interface DoctorFlags extends ServiceFlags {
  readonly json?: true
  readonly config?: string
}

export interface DoctorContext {
  readonly output: CommandOutput
  readonly environment: Environment
  readonly version: string
  readonly signal: AbortSignal
}

/** Long enough for a distant service, short enough to wait for. */
const patienceMs = 10_000

/** Checks everything that the service and the command line need. Exit code 1 if something failed. */
export async function runDoctor(flags: DoctorFlags, context: DoctorContext): Promise<number> {
  const { output, version } = context
  const findings = [
    checkVersions(version),
    ...(await settingsAndParts(flags, context)),
    ...(await service(flags, context)),
  ]
  await showResult(output, findings, () => findings.map(findingLines).join(''))
  const failed = findings.some(({ status }) => status === 'failed')
  return failed ? exitCodes.failed : exitCodes.complete
}

async function settingsAndParts(
  { config }: DoctorFlags,
  { environment }: DoctorContext,
): Promise<readonly Finding[]> {
  const name = 'settings'
  let settings: Settings
  try {
    settings = loadSettings({ environment, ...(config !== undefined && { file: config }) })
  } catch (thrown) {
    const { message, suggestedFix: fix } = ConnectError.from(thrown)
    return [{ name, status: 'failed', detail: message, fix }]
  }
  const file = config ?? environment.REACTOR_CONNECT_CONFIG ?? ''
  const detail = file === '' ? 'from the environment; no file' : `from the environment and ${file}`
  return [
    { name, status: 'ok', detail },
    await checkDataFolder(settings.dataDir),
    await checkDisk(settings.dataDir),
    ...(await checkParts(settings, pino({ enabled: false }))),
  ]
}

async function service(
  flags: DoctorFlags,
  { environment, version, signal }: DoctorContext,
): Promise<readonly Finding[]> {
  try {
    const resolved = withValidLogin(await findService(flags, environment), Date.now())
    const limit = AbortSignal.timeout(patienceMs)
    const client = new ApiClient(resolved, AbortSignal.any([signal, limit]))
    return await checkService(client, resolved, version)
  } catch (thrown) {
    return [await finding('service', () => Promise.reject(ConnectError.from(thrown)))]
  }
}

function findingLines({ name, status, detail, fix }: Finding): string {
  const line = `${status.padEnd(7)}  ${name.padEnd(17)}  ${detail}\n`
  return fix === undefined ? line : `${line}         fix: ${fix}\n`
}
