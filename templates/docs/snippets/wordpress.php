<?php
/* Plugin Name: Nightly backup */

const PING_URL = '{{ ping_url }}';

function backup_tell(string $ending = '', string $text = ''): void
{
    foreach ([0, 2, 8] as $wait) {
        sleep($wait);
        $answer = wp_remote_post(PING_URL . $ending, ['timeout' => 10, 'body' => $text]);
        if (intdiv((int) wp_remote_retrieve_response_code($answer), 100) === 2) {
            return;
        }
    }
}

add_action('backup_nightly', function (): void {
    backup_tell('/start');
    try {
        backup();
    } catch (Throwable $error) {
        backup_tell('/fail', (string) $error);
        throw $error;
    }
    backup_tell();
});

register_activation_hook(__FILE__, function (): void {
    if (!wp_next_scheduled('backup_nightly')) {
        wp_schedule_event(strtotime('tomorrow 03:00'), 'daily', 'backup_nightly');
    }
});

register_deactivation_hook(__FILE__, function (): void {
    wp_clear_scheduled_hook('backup_nightly');
});
