import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The name of Airbyte's CDK in a catalog: `catalog import pypi:airbyte-cdk`. */
const cdkName = 'airbyte-cdk'

/** True if an imported manifest has components in Python, and the CDK that runs them is imported too. */
export function hasPythonComponents(manifest: string): boolean {
  return existsSync(componentsOf(manifest)) && existsSync(cdkFile(manifest))
}

/** Where the components of an imported manifest are. */
export function componentsOf(manifest: string): string {
  return join(dirname(manifest), 'components.py')
}

/** The process.json of the CDK in the same catalog. */
export function cdkFile(manifest: string): string {
  return join(dirname(dirname(manifest)), cdkName, 'process.json')
}
