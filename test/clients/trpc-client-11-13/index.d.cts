import client = require('@trpc/client');
export = client;
