/** The two versions of React that are supported, as esbuild's alias finds them. */
const REACT_18 = 'test/clients/react-18/node_modules';

export const REACT_VERSIONS: readonly (readonly [version: string, alias: Record<string, string>])[] = [
  ['19', {}],
  ['18', { react: `${REACT_18}/react`, 'react-dom': `${REACT_18}/react-dom` }],
];
