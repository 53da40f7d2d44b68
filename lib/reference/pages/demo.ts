import { h, render } from 'preact';
import { App } from './demo/app.js';

const root = document.getElementById('app');
if (root) render(h(App, null), root);
