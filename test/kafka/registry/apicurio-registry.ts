import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '../../../service/platform/postgres/free-port.ts'
import { startJava } from '../java-process.ts'
import { unpackArtifact } from '../maven-jars.ts'

const version = '3.0.9'
const artifact = `io.apicurio:apicurio-registry-app:${version}:tar.gz:all`
const startMs = 60_000

/** Apicurio's schema registry, in memory. */
export interface ApicurioRegistry extends AsyncDisposable {
  /** Where it speaks the API of Confluent's Schema Registry. */
  readonly url: string
  /** Where it speaks the API that its own clients use. */
  readonly ownUrl: string
}

/** 70 MB are fetched with Maven at the first use, and stored. */
export async function startApicurioRegistry(): Promise<ApicurioRegistry> {
  const folder = join(import.meta.dirname, `../lib/apicurio-registry-${version}`)
  await unpackArtifact(artifact, folder)
  const [port, managementPort] = [await freePort(), await freePort()]
  const settings = {
    'quarkus.http.host': '127.0.0.1',
    'quarkus.http.port': port,
    'quarkus.management.host': '127.0.0.1',
    'quarkus.management.port': managementPort,
    'quarkus.otel.sdk.disabled': true,
    'apicurio.storage.kind': 'sql',
    'apicurio.storage.sql.kind': 'h2',
  }
  const java = startJava({
    // The jar of the program names the others.
    classpath: join(folder, `apicurio-registry-app-${version}-runner.jar`),
    main: 'io.quarkus.runner.GeneratedMain',
    flags: ['-Xmx512m', ...Object.entries(settings).map(([name, value]) => `-D${name}=${value}`)],
  })
  const base = `http://127.0.0.1:${port}/apis`
  const deadline = Date.now() + startMs
  for (;;) {
    const response = await fetch(`${base}/ccompat/v7/subjects`).catch(() => undefined)
    if (response?.ok === true) break
    if (java.hasEnded || Date.now() > deadline) {
      await java[Symbol.asyncDispose]()
      throw new Error(`Apicurio's registry did not start: ${java.lastWords()}`)
    }
    await delay(100)
  }
  return {
    url: `${base}/ccompat/v7`,
    ownUrl: `${base}/registry/v2`,
    [Symbol.asyncDispose]: () => java[Symbol.asyncDispose](),
  }
}
