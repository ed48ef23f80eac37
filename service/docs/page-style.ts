/** The pages in a light and a dark look, with the fonts of the reader's machine. */
export const pageStyle = `:root { color-scheme: light dark; --text: #1f2328; --soft: #59636e; --line: #d1d9e0; --box: #f6f8fa; --link: #0757b8; --page: #fff; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e6edf3; --soft: #9da7b3; --line: #3d444d; --box: #161b22; --link: #6cb0ff; --page: #0d1117; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.6 system-ui, sans-serif; }
nav { display: flex; flex-wrap: wrap; gap: 1.25rem; padding: .75rem 1.5rem; border-bottom: 1px solid var(--line); }
nav a:first-child { font-weight: 600; }
nav form { margin-left: auto; }
nav input { font: inherit; font-size: .9rem; width: 12rem; padding: .15rem .5rem; color: inherit; background: var(--box); border: 1px solid var(--line); border-radius: 6px; }
main { max-width: 56rem; margin: 0 auto; padding: 1rem 1.5rem 4rem; }
a { color: var(--link); }
h1, h2, h3 { line-height: 1.25; margin: 2rem 0 .75rem; }
h1, h2 { padding-bottom: .3rem; border-bottom: 1px solid var(--line); }
img { max-width: 100%; height: auto; }
code { font: .875em ui-monospace, monospace; background: var(--box); border-radius: 4px; padding: .15em .35em; }
pre { background: var(--box); border: 1px solid var(--line); border-radius: 6px; padding: 1rem; overflow-x: auto; line-height: 1.45; }
pre code { background: none; padding: 0; }
table { display: block; overflow-x: auto; border-collapse: collapse; margin: 1rem 0; }
th, td { border: 1px solid var(--line); padding: .4rem .75rem; text-align: left; vertical-align: top; }
th { background: var(--box); }
blockquote { margin: 1rem 0; padding: 0 1rem; border-left: 4px solid var(--line); color: var(--soft); }
`
