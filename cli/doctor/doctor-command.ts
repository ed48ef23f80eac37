import { pino } from 'pino'
import { ConnectError } from '../../protocol/index.ts'
import type { Environment } from '../../plan/environment.ts'
import { loadSettings } from '../../service/platform/config/load-settings.ts'
import type { Settings } from '../../service/platform/config/settings.ts'
import { ApiClient } from '../client/api-client.ts'
import { findService, withValidLogin, type ServiceFlags } from '../client/find-service.ts'
import { exitCodes } from '../exit-codes.ts'
import { showResult, type CommandOutput } from '../output/command-output.ts'
import { checkVariables } from './check-files.ts'
import { checkDataFolder, checkDisk, checkVersions } from './check-machine.ts'
import { checkParts } from './check-parts.ts'
import { checkService } from './check-service.ts'
import { finding, type Finding } from './finding.ts'

export interface DoctorFlags extends ServiceFlags {
  readonly json?: true
  readonly config?: string
  readonly dataDir?: string
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
  const { settings, finding: settingsFinding } = readSettings(flags, context)
  const findings = [
    checkVersions(version),
    settingsFinding,
    ...checkVariables(context.environment),
    ...(settings === undefined ? [] : await machineAndParts(settings)),
    ...(await service(flags, settings?.dataDir, context)),
  ]
  await showResult(output, findings, () => findings.map(findingLines).join(''))
  const failed = findings.some(({ status }) => status === 'failed')
  return failed ? exitCodes.failed : exitCodes.complete
}

function readSettings(
  { config, dataDir }: DoctorFlags,
  { environment }: DoctorContext,
): { readonly settings: Settings | undefined; readonly finding: Finding } {
  const name = 'settings'
  try {
    const settings = loadSettings({
      environment,
      flags: { data_dir: dataDir },
      ...(config !== undefined && { file: config }),
    })
    const file = config ?? environment.REACTOR_CONNECT_CONFIG ?? ''
    const detail =
      file === '' ? 'from the environment; no file' : `from the environment and ${file}`
    return { settings, finding: { name, status: 'ok', detail } }
  } catch (thrown) {
    const { message, suggestedFix: fix } = ConnectError.from(thrown)
    return { settings: undefined, finding: { name, status: 'failed', detail: message, fix } }
  }
}

async function machineAndParts(settings: Settings): Promise<readonly Finding[]> {
  return [
    await checkDataFolder(settings.dataDir),
    await checkDisk(settings.dataDir),
    ...(await checkParts(settings, pino({ enabled: false }))),
  ]
}

/** `dataDir`: of the settings; a service on this machine leaves its address in it. */
async function service(
  flags: DoctorFlags,
  dataDir: string | undefined,
  { environment, version, signal }: DoctorContext,
): Promise<readonly Finding[]> {
  try {
    const there =
      dataDir === undefined ? environment : { ...environment, REACTOR_CONNECT_DATA_DIR: dataDir }
    const resolved = withValidLogin(await findService(flags, there), Date.now())
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
