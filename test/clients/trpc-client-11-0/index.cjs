module.exports = require('@trpc/client');
