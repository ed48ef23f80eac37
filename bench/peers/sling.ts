import { join } from 'node:path'
import type { Peer } from './peer.ts'
import type { PythonEnvironment } from './python-environment.ts'

const version = '1.4.11'

/**
 * The last version whose program comes from PyPI; newer ones are downloaded elsewhere at their first start.
 * Linux, x64 and arm64.
 */
export const sling: Peer = {
  name: `Sling ${version}`,
  note: 'full refresh, table without a key',
  packages: [`sling-linux-${goArchitecture()}==${version}`],
  command: ({ python, folder }, { sourceUrl, targetUrl, workDir, ...work }) => ({
    argv: [
      ...slingArguments({ python }),
      'run',
      '--src-conn',
      'SOURCE',
      '--src-stream',
      work.table,
      '--tgt-conn',
      'TARGET',
      '--tgt-object',
      `${work.targetSchema}.${work.targetTable}`,
      '--mode',
      'full-refresh',
    ],
    environment: {
      SOURCE: `${sourceUrl}?sslmode=disable`,
      TARGET: `${targetUrl}?sslmode=disable`,
      ...slingEnvironment({ folder }, workDir),
    },
  }),
}

/** The program of the environment, without its own arguments. */
export function slingArguments({ python }: Pick<PythonEnvironment, 'python'>): readonly string[] {
  return [
    python,
    '-c',
    // Where the package has put the program.
    `import os, sys, sling_linux_${goArchitecture()} as package; path = os.path.join(os.path.dirname(package.__file__), 'bin', 'sling-linux-${goArchitecture()}'); os.chmod(path, 0o755); os.execv(path, [path, *sys.argv[1:]])`,
  ]
}

export function slingEnvironment(
  { folder }: Pick<PythonEnvironment, 'folder'>,
  workDir: string,
): Readonly<Record<string, string>> {
  return {
    SLING_HOME_DIR: join(workDir, 'home'),
    SLING_TEMP_DIR: workDir,
    SLING_DISABLE_TELEMETRY: 'true',
    VIRTUAL_ENV: folder,
  }
}

function goArchitecture(): string {
  return process.arch === 'arm64' ? 'arm64' : 'amd64'
}
