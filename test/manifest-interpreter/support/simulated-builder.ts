import { createBuilder } from '../../../manifest-interpreter/builder.ts'
import { SourceHttp } from '../../../manifest-interpreter/http/source-http.ts'
import { TemplateCompiler } from '../../../manifest-interpreter/interpolation/template-compiler.ts'
import type { Builder } from '../../../manifest-interpreter/component.ts'
import type { Environment } from '../../../manifest-interpreter/contracts.ts'
import type { Dict } from '../../../manifest-interpreter/value/value.ts'

/** Builds components as a command does, in a simulated environment. */
export function simulatedBuilder(
  environment: Environment,
  options: { readonly config?: Dict; readonly states?: ReadonlyMap<string, Dict> } = {},
): Builder {
  return createBuilder({
    config: options.config ?? {},
    templates: new TemplateCompiler(environment),
    environment,
    http: new SourceHttp({ environment }),
    states: options.states ?? new Map(),
    catalog: null,
    emitState: () => undefined,
  })
}
