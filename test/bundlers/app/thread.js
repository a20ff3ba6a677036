import 'evenkeel/thread.js';
