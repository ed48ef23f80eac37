import { registerComponent } from '../../../manifest-interpreter/builder.ts'
import { onceRetriever } from '../../http/once-retriever.ts'
import { numberedPages } from './numbered-pages.ts'

/** Registers the components that the manifest names beside those of the language. */
export function registerGithubComponents(): void {
  registerComponent('retriever', 'http.OnceRetriever', onceRetriever)
  registerComponent('paginationStrategy', 'github.NumberedPages', numberedPages)
}
