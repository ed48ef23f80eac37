import { registerComponent } from '../../../manifest-interpreter/builder.ts'
import { onceRetriever } from '../../http/once-retriever.ts'
import { numberedPages } from './numbered-pages.ts'

/** What the manifest names beside the components of the language. */
export function registerGithubComponents(): void {
  registerComponent('retriever', 'http.OnceRetriever', onceRetriever)
  registerComponent('paginationStrategy', 'github.NumberedPages', numberedPages)
}
