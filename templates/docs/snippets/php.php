<?php

const PING_URL = '{{ ping_url }}';

/** Never throws, and gives up after three tries. */
function tell(string $ending = '', string $text = ''): void
{
    $context = stream_context_create(['http' => [
        'method' => 'POST',
        'header' => 'Content-Type: text/plain',
        'content' => substr($text, -10000),
        'timeout' => 10,
    ]]);
    foreach ([0, 2, 8] as $wait) {
        sleep($wait);
        if (@file_get_contents(PING_URL . $ending, false, $context) !== false) {
            return;
        }
    }
    error_log('ping failed: ' . (error_get_last()['message'] ?? ''));
}

tell('/start');
try {
    backup();
} catch (Throwable $error) {
    tell('/fail', (string) $error);
    throw $error;
}
tell();
