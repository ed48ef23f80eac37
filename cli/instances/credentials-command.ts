import type { z } from 'zod'
import {
  ConnectError,
  isJsonObject,
  type JsonObject,
  type JsonValue,
} from '../../protocol/index.ts'
import { descriptorDocument } from '../../service/catalog/schema.ts'
import { instanceDocument } from '../../service/instances/schema.ts'
import { missingSecrets } from '../../service/instances/missing-secrets.ts'
import { joinConfig } from '../../service/platform/secrets/secret-fields.ts'
import { expand, isSecret } from '../../manifest-interpreter/config/secret-schema.ts'
import { apiPath } from '../client/api-path.ts'
import type { CommandContext } from '../client/service-command.ts'
import { exitCodes } from '../exit-codes.ts'
import { readJsonObject } from '../input/json-input.ts'
import { showResult } from '../output/command-output.ts'
import { authorizeInBrowser, type BrowserFlags } from './authorize-in-browser.ts'
import { askInstance, nextStep, warnOfVisible, type InstanceDocument } from './instance-commands.ts'
import { loopbackRedirect } from './loopback-callback.ts'
import { usageError } from '../usage-error.ts'

export interface CredentialFlags extends BrowserFlags {
  readonly input?: string
}

/**
 * If `--input` is given, the secrets are set; else the user authorizes in the browser, or is prompted for
 * each secret.
 */
export async function setCredentials(
  context: CommandContext,
  name: string,
  flags: CredentialFlags,
): Promise<number> {
  if (flags.input !== undefined) {
    const { value, isVisible } = await readJsonObject('--input', flags.input, context.input)
    if (isVisible) warnOfVisible(context, '--input')
    return keep(context, name, value)
  }
  const { document: instance } = await askInstance(context, name)
  const { document: descriptor } = await context.client.ask(
    { method: 'GET', path: apiPath('catalog', instance.type) },
    descriptorDocument,
  )
  if (descriptor.auth.some(({ kind }) => kind === 'oauth2')) {
    await authorize(context, instance, flags)
    return show(context, await askInstance(context, name))
  }
  return keep(context, name, await askSecrets(context, instance, descriptor.spec))
}

/** Prompts for the client's id and secret first, if the instance has none. */
async function authorize(
  context: CommandContext,
  instance: InstanceDocument,
  flags: CredentialFlags,
): Promise<void> {
  try {
    await authorizeInBrowser(context, instance, flags)
  } catch (error) {
    const fields = context.input.canAsk ? missingClient(error) : undefined
    if (fields === undefined) throw error
    const { input, output, client } = context
    output.screen.line(
      `${instance.name} has no OAuth client yet: register an application with the vendor, with the redirect URI ${redirectUriFor(flags)}, and copy its id and secret from there`,
    )
    const secrets = {
      [fields.id]: await input.askSecret('client id (not shown): '),
      [fields.secret]: await input.askSecret('client secret (not shown): '),
    }
    await client.ask(
      {
        method: 'POST',
        path: apiPath('instances', instance.name, 'credentials'),
        body: joinConfig({}, secrets),
      },
      instanceDocument,
    )
    await authorizeInBrowser(context, instance, flags)
  }
}

/** For the vendor's form. Most vendors leave out the port of a loopback address when they compare it. */
function redirectUriFor({ serviceCallback, callbackPort }: BrowserFlags): string {
  if (serviceCallback === true) return 'PUBLIC_URL/connect/v1/oauth/callback'
  return callbackPort === 0
    ? 'http://127.0.0.1/callback (--callback-port N adds a port)'
    : loopbackRedirect(callbackPort)
}

/** JSON pointers of the client's id and secret; undefined if the error is another one. */
function missingClient(
  error: unknown,
): { readonly id: string; readonly secret: string } | undefined {
  if (!(error instanceof ConnectError) || error.code !== 'oauth_client_missing') return undefined
  const { client_id_field: id, client_secret_field: secret } = error.details
  return typeof id === 'string' && typeof secret === 'string' ? { id, secret } : undefined
}

async function keep(context: CommandContext, name: string, secrets: JsonObject): Promise<number> {
  const answer = await context.client.ask(
    { method: 'POST', path: apiPath('instances', name, 'credentials'), body: secrets },
    instanceDocument,
  )
  return show(context, answer)
}

async function show(
  { output }: CommandContext,
  { json, document }: { json: unknown; document: z.output<typeof instanceDocument> },
): Promise<number> {
  await showResult(output, json, () => `${nextStep(document)}\n`)
  return exitCodes.complete
}

/**
 * Prompts for the required secrets that are missing; if none is, for all: an empty input leaves a secret
 * unchanged.
 */
async function askSecrets(
  { input }: CommandContext,
  { name, config }: InstanceDocument,
  spec: JsonObject,
): Promise<JsonObject> {
  const missing = missingSecrets(spec, config)
  const pointers = missing.length > 0 ? missing : secretFields(spec)
  if (pointers.length === 0)
    throw usageError(
      `The connector of ${name} has no secrets`,
      `Run \`reactor connect instances check ${name}\`.`,
    )
  if (!input.canAsk)
    throw usageError(
      'No credentials were given, and there is no terminal to prompt for them',
      `Give them: \`reactor connect instances credentials ${name} --input -\` reads JSON with ${pointers.join(', ')} from standard input.`,
    )
  const entries: [string, JsonValue][] = []
  for (const pointer of pointers) {
    const value = await input.askSecret(`${pointer.slice(1)} (not shown): `)
    if (value !== '') entries.push([pointer, value])
  }
  return joinConfig({}, Object.fromEntries(entries))
}

/** The secret fields at the top of a spec. */
function secretFields(spec: JsonObject): readonly string[] {
  const { properties } = spec
  if (!isJsonObject(properties)) return []
  return Object.keys(properties).flatMap((field) =>
    isSecret(expand(properties[field], spec)) ? [`/${field}`] : [],
  )
}
